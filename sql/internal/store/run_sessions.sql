-- Sessions of a run's span that are not wholly covered, as of the last run that looked: the worst first.
SELECT venue, date, listed, ok, explained, gap, quarantined
FROM session_coverage
WHERE region = $region
    AND date BETWEEN $first AND $last
    AND gap + quarantined > 0
ORDER BY (gap + quarantined) / listed DESC, date DESC, venue;
