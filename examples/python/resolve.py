"""Prints the jails of a jail.conf(5) as jls(8) would list them, variables replaced: resolve.py /etc/jail.conf"""

import sys

import jailkit


def column(value, width):
    return bytes(value)[:width].ljust(width) if value.len else b"-".ljust(width)


def main():
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} jail.conf", file=sys.stderr)
        return 2
    conf = jails = None
    code = 0
    try:
        conf = jailkit.jailconf_read(jailkit.text(sys.argv[1]))
        jails = jailkit.jailconf_resolve(conf)
        print(f"{'Name':15} {'IP Address':15} {'Hostname':29} Path", flush=True)
        for jail in range(jailkit.resolved_len(jails)):
            get = lambda name: jailkit.resolved_get(jails, jail, jailkit.text(name))
            columns = [column(jailkit.resolved_name(jails, jail), 15), column(get("ip4.addr"), 15),
                       column(get("host.hostname"), 29), bytes(get("path"))]
            sys.stdout.buffer.write(b" ".join(columns) + b"\n")
            failed = jailkit.resolved_failed(jails, jail)
            if failed.line:
                print(f"line {failed.line}: {failed.message}", file=sys.stderr)
                code = 1
    except jailkit.Error as error:
        for file, line, at, is_error, message in error.findings:
            print(f"{file}:{line}:{at}: {'error' if is_error else 'warning'}: {message}", file=sys.stderr)
        if not error.findings:
            print(f"resolve: {error}", file=sys.stderr)
        code = 1
    finally:
        jailkit.resolved_free(jails)
        jailkit.jailconf_free(conf)
    return code


if __name__ == "__main__":
    sys.exit(main())
