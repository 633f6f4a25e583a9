"""The register of companies."""
