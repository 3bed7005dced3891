"""Kafka: how to connect, to send and to read. Every adapter that speaks to a broker goes through here."""
