"""Steps from one version of the ledger's database to the next."""
