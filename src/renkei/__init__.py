"""renkei (連携): a shared care-record interchange server for home medical care and long-term care."""
