"""What people and programs touch. It knows the app; nothing knows it."""
