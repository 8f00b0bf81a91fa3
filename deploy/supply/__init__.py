"""What Pyxec is made of besides its own code: locked with hashes, listed, licences and known weaknesses looked at."""
