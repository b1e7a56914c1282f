"""Decides what may be stored and published about an account: consent, facts, rules.

Law of the folder: what is known of an account decides before any state is touched, at the time
of the event. Worked out here is from when and until when there is consent; the fold
(`features.state.fold_kernel`) turns away what falls outside. Public face: `accounts.Accounts`.
"""
