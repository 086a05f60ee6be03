"""The other end of the wire: providers' protocols served over one generated or replayed market.

    server.py     threads, ports, start and stop          wire.py      HTTP/1.1 as KIS writes it
    control.py    the client's side of /_sandbox/*         steering.py  the server's side of it
    clock.py      the sandbox's time                       ledger.py    what was asked, counted at accept
    faults.py     what goes wrong on demand                tokens.py    access tokens and their rules
    market.py     the market protocol, generated.py and replay.py its two sources
    names.py      which names a generated market lists     ticks.py     KRX tick sizes by date (krx_ticks.csv)
    kis.py        KIS: routes, gates and envelopes; kis_oauth.py its tokens, kis_calls.py what its calls share,
                  kis_quotes.py, kis_bars.py, kis_price.py and kis_listings.py its answers,
                  kis_master.py its master files, kis_faults.py what faults make of them

A new provider is one more module beside kis.py over the same market.
"""
