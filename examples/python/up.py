"""Brings a stack up on a simulated host, tells how far it is, and lists the jails that run then:
up.py examples/web-and-db/jailkit.toml /tmp/host [steps]

With a number of steps it calls the plan off after them; run again, it goes on from there."""

import ctypes
import sys

import jailkit


def main():
    if len(sys.argv) not in (3, 4):
        print(f"usage: {sys.argv[0]} jailkit.toml host [steps]", file=sys.stderr)
        return 2
    most = int(sys.argv[3]) if len(sys.argv) == 4 else 0

    @jailkit.PROGRESS
    def tell(_user, progress):
        told = progress.contents
        if told.kind != jailkit.PROGRESS_STEP:
            return 0
        if most and told.done > most:
            return 1
        print(f"{told.done:2}/{told.total} {told.text}")
        return 0

    stack = ctypes.c_void_p()
    host = session = plan = jails = None
    try:
        jailkit.stack_read(jailkit.text(sys.argv[1]), ctypes.byref(stack), None)
        host = jailkit.host_simulated(jailkit.text(sys.argv[2]))
        session = jailkit.session_open(host, jailkit.text("up"), False)
        plan = jailkit.session_plan_up(session, stack)
        jailkit.session_apply(session, plan, tell, None)
        params = ["jid", "name", "ip4.addr", "path"]
        wanted = (jailkit.Bytes * len(params))(*map(jailkit.text, params))
        jails = jailkit.jails_list(host, wanted, len(params), False)
        for jail in range(jailkit.jails_len(jails)):
            print(*(jailkit.jails_get(jails, jail, param) for param in range(len(params))))
    except jailkit.Error as error:
        print(f"up: {error}", file=sys.stderr)
        if error.hint:
            print(f"    {error.hint}", file=sys.stderr)
        return 3 if error.status == jailkit.CANCELLED else 1
    finally:
        jailkit.jails_free(jails)
        jailkit.plan_free(plan)
        jailkit.session_free(session)
        jailkit.host_free(host)
        jailkit.stack_free(stack)
    return 0


if __name__ == "__main__":
    sys.exit(main())
