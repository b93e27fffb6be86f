"""The door for people: pages rendered by the server. Siblings never import each other."""
