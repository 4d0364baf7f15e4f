"""One way to store money, instants and ids that behaves alike on SQLite, MariaDB and MySQL."""
