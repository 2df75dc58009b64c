//! Escrow leases: the grantor's ledger and the holder's wallet, pure
