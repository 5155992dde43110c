# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: the real binary as a process, clients that can be rude, and a book of secrets."""
