"""WHO MAY: who asks (actor, identity, tokens), what a profession may (policy), who reaches whom (reach), the gate."""
