"""SMS gateways: our open credits protocol, and services that exist, each an `SmsGateway` over shared plumbing."""
