INSERT INTO commits (
    batch_id, run_id, region, venue, first_session, last_session,
    received, stored, revised, confirmed, explained, refused, repeated, committed_at
)
VALUES (
    $batch_id, $run_id, $region, $venue, $first_session, $last_session,
    $received, $stored, $revised, $confirmed, $explained, $refused, $repeated, $committed_at
);
