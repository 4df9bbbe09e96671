"""What authors of templates call: read one object and look, explain, draw, check, draft."""
