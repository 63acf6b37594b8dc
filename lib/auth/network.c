/* network.c - a file of its own, so that a program that asks no provider does not load libcurl and the thirty libraries behind it:
 * that is 4 ms of every start. */
#include "auth/auth.h"
#include "auth/token_priv.h"

void
auth_use_network(void)
{
	auth_fetch = http_fetch;
}
