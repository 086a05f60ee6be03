SELECT order_id, account, region, ticker, side, kind, quantity, limit_price, stop_price, currency, decided_at, session, status, why_not_filled, source, run_id
FROM orders;
