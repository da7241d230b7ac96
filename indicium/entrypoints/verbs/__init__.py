"""The verbs, a file for each family. Each opens what it needs, does one thing and says what it did."""
