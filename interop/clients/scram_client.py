"""The client's side of SCRAM-SHA-256 by the package scramp.

    scram_client.py USER PASSWORD

Prints its first message, reads the server's and prints its last one; then reads what the server says at last, and ends with
an error if that does not prove that the server knows the password's keys.
"""

import sys

from scramp import ScramClient

user, password = sys.argv[1:]
client = ScramClient(["SCRAM-SHA-256"], user, password)
print(client.get_client_first(), flush=True)
client.set_server_first(sys.stdin.readline().rstrip("\n"))
print(client.get_client_final(), flush=True)
client.set_server_final(sys.stdin.readline().rstrip("\n"))
print("proved", flush=True)
