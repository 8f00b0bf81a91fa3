"""APIs of other services: each package translates one of them to the native API."""
