"""What a sweep has found, in the forms in which people take it along: tables, reports, a file that opens again."""
