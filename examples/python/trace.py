"""Says which rules of a pf.conf(5) a packet meets, and what becomes of it and of the reply:
trace.py /etc/pf.conf igb0=203.0.113.10/24 198.51.100.9:50000 203.0.113.10:80"""

import sys

import jailkit

VERDICTS = ["no verdict", "pass", "block", "undecided"]


def show(trace):
    for index in range(jailkit.trace_len(trace)):
        step = jailkit.trace_get(trace, index)
        if step.line:
            print(f"  line {step.line}: {step.rule}")
        print(f"    {step.told}")
    print(f"  {VERDICTS[jailkit.trace_verdict(trace)]}")


def main():
    if len(sys.argv) != 5:
        print(f"usage: {sys.argv[0]} pf.conf interface=address/bits from to", file=sys.stderr)
        return 2
    _, file, interface, source, destination = sys.argv
    rules = interfaces = ruleset = tracer = trace = reply = None
    try:
        rules = jailkit.pf_read(jailkit.text(file))
        interfaces = jailkit.interfaces_new()
        jailkit.interfaces_add(interfaces, jailkit.text(interface))
        ruleset = jailkit.pf_expand(rules, interfaces, True)
        tracer = jailkit.tracer_new(ruleset)
        words = [jailkit.text(word) for word in (interface.split("=")[0], "tcp", source, destination)]
        trace = jailkit.tracer_trace(tracer, jailkit.Packet(0, *words))
        print("the packet:")
        show(trace)
        jailkit.tracer_track(tracer, trace)
        reply = jailkit.tracer_reply(tracer, trace)
        print("its reply:")
        show(reply)
    except jailkit.Error as error:
        if trace and error.status == 5:  # JK_ERROR_NOT_FOUND: nothing replies
            return 0
        place = f"{error.file}:{error.line}:{error.column}: " if error.file else ""
        print(f"{place}{error}", file=sys.stderr)
        return 1
    finally:
        jailkit.pf_free(rules)
        jailkit.interfaces_free(interfaces)
        jailkit.ruleset_free(ruleset)
        jailkit.tracer_free(tracer)
        jailkit.trace_free(trace)
        jailkit.trace_free(reply)
    return 0


if __name__ == "__main__":
    sys.exit(main())
