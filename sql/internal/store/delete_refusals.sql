-- A file that is read another way is judged anew: what its rows were refused for before does not count twice.
DELETE FROM quarantine
WHERE run_id = $run_id;
