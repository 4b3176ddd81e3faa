"""One module per widget: each shows what it is given and reports what the user did."""
