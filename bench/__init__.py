"""Speed, each path beside its limit: the same SQL, in the same round trips, by pgbench on the same PostgreSQL.

``make bench`` founds an embedded PostgreSQL with production's durability, a region told through HTTP and a server of one
process; then, path by path, it loads the server, and after it the database alone.
"""
