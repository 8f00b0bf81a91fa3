"""Supply chain: lock files with hashes, bills of material, licences and known vulnerabilities."""
