"""WHAT IS SAID: the shapes of the JSON contract. Pure: no SQL, no clock of its own."""
