"""The other end of the wire: providers' protocols served over generated or replayed markets, one for each region.

The sandbox
    server.py     threads, ports, start and stop          wire.py      HTTP/1.1 as KIS writes it
    control.py    the client's side of /_sandbox/*         steering.py  the server's side of it
    clock.py      the sandbox's time                       sessions.py  a venue's sessions by that time
    ledger.py     what was asked, counted at accept
    faults.py     what goes wrong on demand                tokens.py    access tokens and their rules

A market: the protocol is market.py, generated.py and replay.py are its two sources
    regions.py    what makes each region's market its own, and how many of the names it gets
    roster.py     which names a market lists               fates.py     what can happen to one of them
    names.py      the names of KR                          names_us.py  the names of US
    books.py      the names of the others (books/)         codes.py     made-up codes
    paths.py      random walks, entered anywhere           ticks.py     price steps by date (*_ticks.csv)

KIS: kis.py is its host, the gates every call passes; kis_routes.py says which call stands where
    kis_oauth.py  its tokens                               kis_calls.py what its calls share
    kis_files.py  its master files, made once a session    kis_faults.py what faults make of its answers
    kis_markets.py: markets it makes up
    at home:      kis_quotes.py, kis_bars.py, kis_price.py, kis_listings.py, kis_master.py
    overseas:     kis_exchanges.py, kis_overseas.py, kis_overseas_bars.py, kis_overseas_listings.py, kis_search.py,
                  kis_overseas_master.py, kis_trading_rules.py (settlement and who may buy, kis_trading_rules.csv)

Yahoo: yahoo.py is all its hosts
    yahoo_cookies.py   cookies, crumbs, consent            yahoo_faults.py its errors and faults
    yahoo_symbols.py, yahoo_exchanges.py, yahoo_hours.py: what a symbol means, where and when it trades
    yahoo_series.py, yahoo_chart.py, yahoo_quotes.py, yahoo_screener.py: rows, charts, quotes, screens

A new region is a book of names in books/, its code in PROFILES of regions.py, and its price steps; a new provider is one
more host beside kis.py and yahoo.py over the same markets.
"""
