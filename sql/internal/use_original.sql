SET schema = 'original';
