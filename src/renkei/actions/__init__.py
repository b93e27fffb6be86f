"""WHAT THE SERVICE DOES. One noun per file, one public function per permission: ask the gate, keep or read, answer."""
