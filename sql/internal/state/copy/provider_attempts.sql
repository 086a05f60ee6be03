SELECT * FROM provider_attempts;
