"""The ledger of results and its way to inventories elsewhere."""
