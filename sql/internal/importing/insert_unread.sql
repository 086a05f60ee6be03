INSERT INTO unread
SELECT *
FROM incoming;
