-- What each commit of a run held, the newest first.
SELECT batch_id, first_session, last_session, received, stored, revised, confirmed, explained, refused, repeated, committed_at
FROM commits
WHERE run_id = $run_id
ORDER BY committed_at DESC, batch_id DESC;
