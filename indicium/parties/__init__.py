"""Those outside the module who hold keys: customer, operator, provider, authority and MeterGen."""
