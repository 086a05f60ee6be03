SET schema = 'main';
