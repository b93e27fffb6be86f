"""HOW IT IS KEPT. All SQL on patient data; every function takes the transaction and the grant it works under."""
