"""The platform's client: AgentExchangeClient."""
