"""The SQL, one module per group of tables: functions of a connection; transactions belong to `store`."""
