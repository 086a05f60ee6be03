SELECT * FROM ledger;
