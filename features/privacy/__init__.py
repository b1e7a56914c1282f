"""What may be held and said about an account: consent, facts, rules, disclosure.

Law of the folder: what is known of an account decides before any state is touched, at the time
of the event. Public face: `accounts.Accounts`."""
