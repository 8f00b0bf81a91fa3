"""Client for the Docker Engine API (https://docs.docker.com/reference/api/engine/)."""
