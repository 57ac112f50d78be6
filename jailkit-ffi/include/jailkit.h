/*
 * jailkit: FreeBSD jails, jail.conf(5), fstab(5) and pf.conf(5).
 *
 * docs/c-api.md says who owns what, and what every function promises.
 * Written by cbindgen from the Rust source; do not edit it by hand.
 */

#ifndef JAILKIT_H
#define JAILKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * The number that stands for none.
 */
#define JK_NONE SIZE_MAX

/**
 * The number of the ABI that this header describes; the soname ends with it.
 */
#define JK_ABI_VERSION 0



/**
 * How a call ended. The numbers stay as they are; further ones may come.
 */
typedef enum {
  /**
   * Done.
   */
  JK_OK = 0,
  /**
   * An argument that cannot be: NULL where something must be, a number out of range.
   */
  JK_ERROR_ARGUMENT = 1,
  /**
   * A handle of another kind than the function takes.
   */
  JK_ERROR_HANDLE = 2,
  /**
   * Text that is not UTF-8, where it must be.
   */
  JK_ERROR_UTF8 = 3,
  /**
   * A file that is refused; the findings say where and why.
   */
  JK_ERROR_FILE = 4,
  /**
   * What was named is not there.
   */
  JK_ERROR_NOT_FOUND = 5,
  /**
   * The system could not read or write.
   */
  JK_ERROR_IO = 6,
  /**
   * The kernel refused; `jk_error_errno` has FreeBSD's number.
   */
  JK_ERROR_KERNEL = 7,
  /**
   * This process may not.
   */
  JK_ERROR_RIGHTS = 8,
  /**
   * Another jailkit is at work on the host.
   */
  JK_ERROR_BUSY = 9,
  /**
   * Something else is there already, or has been changed meanwhile.
   */
  JK_ERROR_CONFLICT = 10,
  /**
   * The program's own callback called it off.
   */
  JK_ERROR_CANCELLED = 11,
  /**
   * Not on this system.
   */
  JK_ERROR_UNSUPPORTED = 12,
  /**
   * It was tried and failed.
   */
  JK_ERROR_FAILED = 13,
  /**
   * A fault of jailkit itself. The handles of the call can be freed; free them.
   */
  JK_ERROR_PANIC = 14,
} jk_status;

/**
 * What a callback is told of.
 */
typedef enum {
  /**
   * A step begins: `done` of `total`, from 1; `text` is the step.
   */
  JK_PROGRESS_STEP = 0,
  /**
   * A long step is so far: `done` of `total` bytes of the base archive; no text.
   */
  JK_PROGRESS_BYTES = 1,
  /**
   * Something that is not as it should be and does not stop the plan; `text` says what.
   */
  JK_PROGRESS_WARNING = 2,
  /**
   * A jail has been created, changed or removed, or has failed; `jail` is its name, `text` says which.
   */
  JK_PROGRESS_JAIL = 3,
  /**
   * A command of a jail printed a line: `jail` is its name, `text` the line, bytes of no encoding.
   */
  JK_PROGRESS_OUTPUT = 4,
} jk_progress_kind;

/**
 * What becomes of a packet.
 */
typedef enum {
  /**
   * There is no trace.
   */
  JK_NO_VERDICT = 0,
  /**
   * It passes.
   */
  JK_PASS = 1,
  /**
   * It is blocked.
   */
  JK_BLOCK = 2,
  /**
   * That depends on what only the running host knows.
   */
  JK_UNDECIDED = 3,
} jk_verdict;

/**
 * The sections of a pf.conf(5), in the order that pfctl(8) wants them in.
 */
typedef enum {
  /**
   * `set`
   */
  JK_PF_OPTIONS = 0,
  /**
   * `ether`
   */
  JK_PF_ETHER = 1,
  /**
   * `scrub`
   */
  JK_PF_NORMALIZATION = 2,
  /**
   * `altq`, `queue`
   */
  JK_PF_QUEUEING = 3,
  /**
   * `nat`, `rdr`, `binat`
   */
  JK_PF_TRANSLATION = 4,
  /**
   * `pass`, `block`, `match`, `antispoof`, `anchor`
   */
  JK_PF_FILTERING = 5,
} jk_pf_section;

/**
 * The way a packet goes through an interface.
 */
typedef enum {
  /**
   * It comes in.
   */
  JK_IN = 0,
  /**
   * It goes out.
   */
  JK_OUT = 1,
} jk_direction;

/**
 * What went wrong. It never changes, and may be read by several threads.
 */
typedef struct jk_error jk_error;

/**
 * What was found in a file, in the order it was found.
 */
typedef struct jk_findings jk_findings;

/**
 * An fstab(5), byte for byte, that can be edited.
 */
typedef struct jk_fstab jk_fstab;

/**
 * A host that jails run on. It may be used by several threads at once.
 */
typedef struct jk_host jk_host;

/**
 * The interfaces of a host, for pf.conf(5) to be expanded with.
 */
typedef struct jk_interfaces jk_interfaces;

/**
 * A jail.conf(5), byte for byte, that can be edited.
 */
typedef struct jk_jailconf jk_jailconf;

/**
 * The jails that ran when they were listed, with the parameters that were asked for. It never changes, and may be
 * read by several threads.
 */
typedef struct jk_jails jk_jails;

/**
 * What was mounted when it was listed. It never changes, and may be read by several threads.
 */
typedef struct jk_mounts jk_mounts;

/**
 * A pf.conf(5), byte for byte, that can be edited.
 */
typedef struct jk_pf jk_pf;

/**
 * The steps that make a host what it is to be. It never changes, and may be read by several threads.
 */
typedef struct jk_plan jk_plan;

/**
 * The jails of a jail.conf(5), in its order, with all that it says of them. It never changes, and may be read by
 * several threads.
 */
typedef struct jk_resolved jk_resolved;

/**
 * The rules that a pf.conf(5) comes to. It never changes, and may be read by several threads.
 */
typedef struct jk_ruleset jk_ruleset;

/**
 * The right to change a host: no other jailkit has it until the session is freed.
 */
typedef struct jk_session jk_session;

/**
 * A stack: what a host's jails are to be. It never changes, and may be read by several threads.
 */
typedef struct jk_stack jk_stack;

/**
 * A list of strings.
 */
typedef struct jk_strings jk_strings;

/**
 * Text that a call has made.
 */
typedef struct jk_text jk_text;

/**
 * The answer to what becomes of a packet. It never changes, and may be read by several threads.
 */
typedef struct jk_trace jk_trace;

/**
 * What follows packets through a ruleset, with its tables and the connections it has been told of.
 */
typedef struct jk_tracer jk_tracer;

/**
 * Bytes with their length. They may hold a NUL, and no NUL is behind them.
 *
 * Given to a function they are read during the call only. Got from one they are the handle's that they were asked
 * of, and are there until that handle is changed or freed. NULL with length 0 are no bytes at all.
 */
typedef struct {
  /**
   * Where the first byte is.
   */
  const uint8_t *data;
  /**
   * How many there are.
   */
  size_t len;
} jk_bytes;

/**
 * One finding. Its bytes are those of the handle that it was asked of.
 */
typedef struct {
  /**
   * Whether the file is refused for it; else it is a warning.
   */
  bool is_error;
  /**
   * What was found: lower case, no full stop.
   */
  jk_bytes message;
  /**
   * The file.
   */
  jk_bytes file;
  /**
   * The line, from 1.
   */
  size_t line;
  /**
   * The character of the line, from 1.
   */
  size_t column;
  /**
   * How to mend it; nothing where there is no advice.
   */
  jk_bytes hint;
} jk_finding;

/**
 * A line of an fstab(5) that says what to mount.
 */
typedef struct {
  /**
   * What is mounted (`fs_spec`), escapes undone.
   */
  jk_bytes spec;
  /**
   * Where (`fs_file`), escapes undone.
   */
  jk_bytes file;
  /**
   * The type of the file system (`fs_vfstype`).
   */
  jk_bytes vfstype;
  /**
   * Its options, between commas (`fs_mntops`). One of them is `rw`, `rq`, `ro` or `sw`.
   */
  jk_bytes mntops;
  /**
   * `fs_freq`, for dump(8).
   */
  int32_t freq;
  /**
   * `fs_passno`, for fsck(8).
   */
  int32_t passno;
} jk_fstab_entry;

/**
 * A parameter of a jail, as jail_setv(3) of libjail takes it.
 */
typedef struct {
  /**
   * Its name, in the `no` form where that is meant: `host.hostname`, `allow.noraw_sockets`.
   */
  jk_bytes name;
  /**
   * The text of its value, commas between the items of a list; no bytes (NULL) for a bare one.
   */
  jk_bytes value;
} jk_jail_param;

/**
 * One mounted file system. Its bytes are the list's.
 */
typedef struct {
  /**
   * The type of the file system.
   */
  jk_bytes fstype;
  /**
   * What is mounted (`f_mntfromname`).
   */
  jk_bytes source;
  /**
   * Where (`f_mntonname`).
   */
  jk_bytes target;
  /**
   * Whether it may only be read.
   */
  bool read_only;
} jk_mount_entry;

/**
 * How far a plan is. Its bytes are there during the callback only.
 */
typedef struct {
  /**
   * What this is about.
   */
  jk_progress_kind kind;
  /**
   * How much is done.
   */
  uint64_t done;
  /**
   * Of how much.
   */
  uint64_t total;
  /**
   * The jail; nothing where it is about none.
   */
  jk_bytes jail;
  /**
   * Words for a person.
   */
  jk_bytes text;
} jk_progress;

/**
 * Who is told how far a plan is. `user` is what the program gave with the callback. Any answer but 0 calls the plan
 * off before its next step, or amid the base archive.
 *
 * The calls come one after the other, but not all from one thread: jails are started by threads of the library. The
 * callback must not use the session it is called from.
 */
typedef int32_t (*jk_progress_fn)(void *user, const jk_progress *progress);

/**
 * A packet that opens a connection: tcp's first, or an echo request of icmp, where nothing else is said.
 */
typedef struct {
  /**
   * The way it goes, one of `jk_direction`.
   */
  uint32_t direction;
  /**
   * The interface it goes through.
   */
  jk_bytes interface;
  /**
   * Its protocol, by name or number.
   */
  jk_bytes protocol;
  /**
   * Where it comes from: `198.51.100.9:50000`, `[2001:db8::1]:50000`, or an address alone.
   */
  jk_bytes from;
  /**
   * Where it goes.
   */
  jk_bytes to;
  /**
   * The flags of a tcp packet, letters of `FSRPAUEW` or `none`; no bytes for `S`.
   */
  jk_bytes flags;
  /**
   * `TYPE` or `TYPE/CODE` of an icmp packet; no bytes for an echo request.
   */
  jk_bytes icmp;
} jk_packet;

/**
 * One thing that happens to a packet. Its bytes are the trace's.
 */
typedef struct {
  /**
   * The rule in pfctl's notation; nothing where pf acts without one.
   */
  jk_bytes rule;
  /**
   * The file that the rule's statement is in.
   */
  jk_bytes file;
  /**
   * The line that it begins on, from 1; 0 where there is no rule.
   */
  size_t line;
  /**
   * A word for what happens: `translated`, `passes`, `blocks`.
   */
  jk_bytes did;
  /**
   * The same for a person.
   */
  jk_bytes told;
} jk_trace_step;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The number of the ABI of the library that runs. A program that finds another number than its `JK_ABI_VERSION` has
 * been built for another library.
 */
uint32_t jk_abi_version(void);

/**
 * The version of jailkit, such as `0.1.0`. The bytes are there as long as the library is.
 */
jk_bytes jk_version(void);

/**
 * How the call ended that left the error; `JK_OK` for NULL.
 *
 * # Safety
 * `error` is NULL or an error.
 */
jk_status jk_error_status(const jk_error *error);

/**
 * What went wrong, in one line of English, with the errors behind it after colons; nothing for NULL.
 *
 * The bytes are the error's.
 *
 * # Safety
 * `error` is NULL or an error.
 */
jk_bytes jk_error_message(const jk_error *error);

/**
 * The file that the error is about; nothing where it is about none.
 *
 * The bytes are the error's.
 *
 * # Safety
 * `error` is NULL or an error.
 */
jk_bytes jk_error_file(const jk_error *error);

/**
 * The line of that file, from 1; 0 where it is about none.
 *
 * # Safety
 * `error` is NULL or an error.
 */
size_t jk_error_line(const jk_error *error);

/**
 * The column of that line, from 1, in characters; 0 where it is about none.
 *
 * # Safety
 * `error` is NULL or an error.
 */
size_t jk_error_column(const jk_error *error);

/**
 * How to mend it; nothing where there is no advice.
 *
 * The bytes are the error's.
 *
 * # Safety
 * `error` is NULL or an error.
 */
jk_bytes jk_error_hint(const jk_error *error);

/**
 * FreeBSD's error number, where the kernel refused; 0 elsewhere. Off FreeBSD too it is FreeBSD's.
 *
 * # Safety
 * `error` is NULL or an error.
 */
int32_t jk_error_errno(const jk_error *error);

/**
 * Everything that was found wrong with a file, warnings with it; an empty list where the error is of another kind,
 * NULL for NULL. The first of them that is an error is the error's own message, file, line, column and hint.
 *
 * The list is the error's: it is not freed, and is there until the error is freed.
 *
 * # Safety
 * `error` is NULL or an error.
 */
const jk_findings *jk_error_findings(const jk_error *error);

/**
 * Frees an error. NULL is fine.
 *
 * # Safety
 * `error` is NULL or an error, and is not used any more.
 */
void jk_error_free(jk_error *error);

/**
 * How many findings there are; 0 for NULL.
 *
 * # Safety
 * `findings` is NULL or a list of findings.
 */
size_t jk_findings_len(const jk_findings *findings);

/**
 * The finding of a number, from 0; line 0 and no bytes where there is none.
 *
 * The bytes are the list's.
 *
 * # Safety
 * `findings` is NULL or a list of findings.
 */
jk_finding jk_findings_get(const jk_findings *findings, size_t index);

/**
 * Frees a list of findings. NULL is fine. The list of an error is the error's, and is not freed.
 *
 * # Safety
 * `findings` is NULL or a list of findings that is the caller's, and is not used any more.
 */
void jk_findings_free(jk_findings *findings);

/**
 * Parses the text of an fstab(5). Every text can be parsed: lines that getfsent(3) cannot read are told by
 * `jk_fstab_check`. `name` is what messages call the file. Neither is kept.
 *
 * On success a new handle is in `fstab`; free it with `jk_fstab_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` only.
 *
 * # Safety
 * `fstab` and `error` are NULL or places; the bytes are there. A NULL `fstab` is refused.
 */
jk_status jk_fstab_parse(jk_bytes name,
                         jk_bytes text,
                         jk_fstab **fstab,
                         jk_error **error);

/**
 * Reads an fstab(5) from the disk of the system that the program runs on.
 *
 * On success a new handle is in `fstab`; free it with `jk_fstab_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read.
 *
 * # Safety
 * `fstab` and `error` are NULL or places; the bytes are there. A NULL `fstab` is refused.
 */
jk_status jk_fstab_read(jk_bytes path, jk_fstab **fstab, jk_error **error);

/**
 * The file as it now is; nothing for NULL.
 *
 * The bytes are the handle's, and are there until it is edited or freed.
 *
 * # Safety
 * `fstab` is NULL or an fstab.
 */
jk_bytes jk_fstab_text(const jk_fstab *fstab);

/**
 * How many entries getfsent(3) would yield; 0 for NULL.
 *
 * # Safety
 * `fstab` is NULL or an fstab.
 */
size_t jk_fstab_len(const jk_fstab *fstab);

/**
 * The entry of a number, from 0; one without bytes where there is none.
 *
 * The bytes are the handle's, and are there until it is edited or freed.
 *
 * # Safety
 * `fstab` is NULL or an fstab.
 */
jk_fstab_entry jk_fstab_get(const jk_fstab *fstab, size_t index);

/**
 * Adds an entry at the end; nothing happens where it is there already. Nothing is kept of the bytes, and they may be
 * those of an entry of this fstab.
 *
 * Errors: `JK_ERROR_ARGUMENT` where a field is empty or would not read back, or the options have none of `rw`, `rq`,
 * `ro` and `sw`.
 *
 * # Safety
 * `fstab` is NULL or an fstab that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `fstab` is refused.
 */
jk_status jk_fstab_add(jk_fstab *fstab,
                       jk_fstab_entry entry,
                       jk_error **error);

/**
 * Removes the line of an entry. One that is not there is no error. The bytes may be those of an entry of this fstab.
 *
 * Errors: `JK_ERROR_ARGUMENT` only.
 *
 * # Safety
 * `fstab` is NULL or an fstab that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `fstab` is refused.
 */
jk_status jk_fstab_remove(jk_fstab *fstab,
                          jk_fstab_entry entry,
                          jk_error **error);

/**
 * The file laid out evenly, its fields in columns, and saying what it said.
 *
 * On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
 *
 * # Safety
 * `fstab` is NULL or an fstab; `text` and `error` are NULL or places. A NULL `fstab` or `text` is refused.
 */
jk_status jk_fstab_formatted(const jk_fstab *fstab,
                             jk_text **text,
                             jk_error **error);

/**
 * Finds what is wrong with the file. Where nothing is, the warnings are in `findings`, if that is not NULL; free them
 * with `jk_findings_free`.
 *
 * Errors: `JK_ERROR_FILE` with everything that is wrong, in the error's own findings; `findings` is NULL then.
 *
 * # Safety
 * `fstab` is NULL or an fstab; `findings` and `error` are NULL or places. A NULL `fstab` is refused.
 */
jk_status jk_fstab_check(const jk_fstab *fstab,
                         jk_findings **findings,
                         jk_error **error);

/**
 * Frees an fstab. NULL is fine.
 *
 * # Safety
 * `fstab` is NULL or an fstab, and is not used any more.
 */
void jk_fstab_free(jk_fstab *fstab);

/**
 * The FreeBSD system that the program runs on.
 *
 * On success a new handle is in `host`; free it with `jk_host_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_UNSUPPORTED` on any other system.
 *
 * # Safety
 * `host` and `error` are NULL or places. A NULL `host` is refused.
 */
jk_status jk_host_native(jk_host **host, jk_error **error);

/**
 * The simulated host in a directory, installed there where the directory is empty or missing. Everything it is lies
 * in that directory and outlives the process. Nothing is kept of the bytes.
 *
 * On success a new handle is in `host`; free it with `jk_host_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_IO` and `JK_ERROR_RIGHTS` where the directory cannot be made, or holds other files.
 *
 * # Safety
 * `host` and `error` are NULL or places; the bytes are there. A NULL `host` is refused.
 */
jk_status jk_host_simulated(jk_bytes directory,
                            jk_host **host,
                            jk_error **error);

/**
 * What the host calls itself in messages; nothing for NULL.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `host` is NULL or a host.
 */
jk_bytes jk_host_describe(const jk_host *host);

/**
 * Whether the host is a simulated one, on which nothing is at stake; false for NULL.
 *
 * # Safety
 * `host` is NULL or a host.
 */
bool jk_host_is_simulated(const jk_host *host);

/**
 * Closes a host. NULL is fine. Sessions on it stay, and what runs there goes on.
 *
 * # Safety
 * `host` is NULL or a host, and is not used any more.
 */
void jk_host_free(jk_host *host);

/**
 * Lists the jails that run, dying ones too where `dying` is true, with the parameters named in `params`; a row of
 * values each, in that order, as jls(8) writes them, but bytes are as the jail has them and not made safe for a
 * terminal.
 *
 * On success a new handle is in `jails`; free it with `jk_jails_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND` for a parameter that the kernel does not know; `JK_ERROR_KERNEL` where it refuses.
 *
 * # Safety
 * `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `jails` and `error` are
 * NULL or places; the bytes are there. A NULL `host` or `jails` is refused, and so is a `len` of 0.
 */
jk_status jk_jails_list(const jk_host *host,
                        const jk_bytes *params,
                        size_t len,
                        bool dying,
                        jk_jails **jails,
                        jk_error **error);

/**
 * How many jails there are; 0 for NULL.
 *
 * # Safety
 * `jails` is NULL or a list of jails.
 */
size_t jk_jails_len(const jk_jails *jails);

/**
 * The value of the parameter that was asked for as number `param`, of the jail of number `jail`, both from 0; nothing
 * where there is none.
 *
 * The bytes are the list's.
 *
 * # Safety
 * `jails` is NULL or a list of jails.
 */
jk_bytes jk_jails_get(const jk_jails *jails,
                      size_t jail,
                      size_t param);

/**
 * Frees a list of jails. NULL is fine.
 *
 * # Safety
 * `jails` is NULL or a list of jails, and is not used any more.
 */
void jk_jails_free(jk_jails *jails);

/**
 * The number of the jail of a name; text that is a number above 0 is taken for one, as jail(8) does. Written to `jid`;
 * 0 is there on failure.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where no such jail runs.
 *
 * # Safety
 * `host` is NULL or a host; `jid` and `error` are NULL or places; the bytes are there. A NULL `host` or `jid` is
 * refused.
 */
jk_status jk_jail_find(const jk_host *host,
                       jk_bytes name,
                       int32_t *jid,
                       jk_error **error);

/**
 * Creates a jail: jail_set(2) with `JAIL_CREATE`. Without `persist` a jail goes at once where no process is in it.
 * Its number is written to `jid`; 0 is there on failure. Nothing is kept of the bytes.
 *
 * What a jail.conf(5) has beyond the kernel's parameters (`exec.start`, `mount.devfs`, `interface`) is no parameter
 * here: `jk_session_apply` does that for a stack.
 *
 * Errors: `JK_ERROR_ARGUMENT` for an unknown parameter or a value that it cannot have; `JK_ERROR_RIGHTS`,
 * `JK_ERROR_NOT_FOUND` and `JK_ERROR_KERNEL` where the kernel refuses.
 *
 * # Safety
 * `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `jid` and `error` are NULL
 * or places; the bytes are there. A NULL `host` or `jid` is refused.
 */
jk_status jk_jail_create(const jk_host *host,
                         const jk_jail_param *params,
                         size_t len,
                         int32_t *jid,
                         jk_error **error);

/**
 * Changes a jail that runs: jail_set(2) with `JAIL_UPDATE`. Nothing is kept of the bytes.
 *
 * Errors: as `jk_jail_create` has them; `JK_ERROR_NOT_FOUND` where there is no such jail.
 *
 * # Safety
 * `host` is NULL or a host; `params` has `len` entries, and is NULL only where `len` is 0; `error` is NULL or a place;
 * the bytes are there. A NULL `host` is refused.
 */
jk_status jk_jail_modify(const jk_host *host,
                         int32_t jid,
                         const jk_jail_param *params,
                         size_t len,
                         jk_error **error);

/**
 * Removes a jail and those in it: jail_remove(2). Their processes are killed without a word; what is mounted in them
 * stays.
 *
 * Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where there is no such jail; `JK_ERROR_RIGHTS`.
 *
 * # Safety
 * `host` is NULL or a host; `error` is NULL or a place. A NULL `host` is refused.
 */
jk_status jk_jail_remove(const jk_host *host,
                         int32_t jid,
                         jk_error **error);

/**
 * Moves this process into a jail, for good: jail_attach(2). On a simulated host it is the host's handle that moves,
 * with every session on it: what it does from then on it does in the jail.
 *
 * Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where there is no such jail; `JK_ERROR_RIGHTS`.
 *
 * # Safety
 * `host` is NULL or a host; `error` is NULL or a place. A NULL `host` is refused.
 */
jk_status jk_jail_attach(const jk_host *host,
                         int32_t jid,
                         jk_error **error);

/**
 * Parses the text of a jail.conf(5). `name` is what messages call it; files that it includes are looked for from the
 * directory of that name. Neither is kept.
 *
 * On success a new handle is in `conf`; free it with `jk_jailconf_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` with a finding for every fault that jail(8) would refuse the file for.
 *
 * # Safety
 * `conf` and `error` are NULL or places; the bytes are there. A NULL `conf` is refused.
 */
jk_status jk_jailconf_parse(jk_bytes name,
                            jk_bytes text,
                            jk_jailconf **conf,
                            jk_error **error);

/**
 * Reads a jail.conf(5) from the disk of the system that the program runs on.
 *
 * On success a new handle is in `conf`; free it with `jk_jailconf_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE` as
 * `jk_jailconf_parse` has it.
 *
 * # Safety
 * `conf` and `error` are NULL or places; the bytes are there. A NULL `conf` is refused.
 */
jk_status jk_jailconf_read(jk_bytes path,
                           jk_jailconf **conf,
                           jk_error **error);

/**
 * The file as it now is; nothing for NULL.
 *
 * The bytes are the handle's, and are there until it is edited or freed.
 *
 * # Safety
 * `conf` is NULL or a jail.conf.
 */
jk_bytes jk_jailconf_text(const jk_jailconf *conf);

/**
 * Whether there is a block of this name, `parent.child` for one that stands in another; false for NULL.
 *
 * # Safety
 * `conf` is NULL or a jail.conf; the bytes are there.
 */
bool jk_jailconf_has_jail(const jk_jailconf *conf,
                          jk_bytes jail);

/**
 * The values that a block itself gives a parameter, as `jk_jailconf_set` takes them. No bytes (NULL) as `jail` stand
 * for the top level of the file.
 *
 * On success a new list is in `values`, empty for a bare parameter; free it with `jk_strings_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where there is no such block, or it does not have the parameter.
 *
 * # Safety
 * `conf` is NULL or a jail.conf; `values` and `error` are NULL or places; the bytes are there. A NULL `conf` or
 * `values` is refused.
 */
jk_status jk_jailconf_get(const jk_jailconf *conf,
                          jk_bytes jail,
                          jk_bytes param,
                          jk_strings **values,
                          jk_error **error);

/**
 * Gives a parameter its values in a block: in place where the block has it, else on a line of its own. Everything
 * else in the file stays as it is. No bytes (NULL) as `jail` stand for the top level; no values make the parameter
 * bare. In a value `$name` is a variable and `\$` a dollar sign. Nothing is kept of the bytes.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where there is no such block; `JK_ERROR_FILE` where the file could not be read any
 * more; it is left as it was.
 *
 * # Safety
 * `conf` is NULL or a jail.conf that nobody else uses meanwhile; `values` has `len` entries, and is NULL only where
 * `len` is 0; `error` is NULL or a place; the bytes are there. A NULL `conf` is refused.
 */
jk_status jk_jailconf_set(jk_jailconf *conf,
                          jk_bytes jail,
                          jk_bytes param,
                          const jk_bytes *values,
                          size_t len,
                          jk_error **error);

/**
 * Takes a parameter out of a block; its line goes with it where nothing else stands there. No bytes (NULL) as `jail`
 * stand for the top level. A parameter that is not there is no error.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where there is no such block; `JK_ERROR_FILE` where the file could not be read any
 * more; it is left as it was.
 *
 * # Safety
 * `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `conf` is refused.
 */
jk_status jk_jailconf_unset(jk_jailconf *conf,
                            jk_bytes jail,
                            jk_bytes param,
                            jk_error **error);

/**
 * Adds a jail without parameters at the end of the file, a blank line before it; `jk_jailconf_set` gives it some.
 *
 * Errors: `JK_ERROR_CONFLICT` where there is a block of the name; `JK_ERROR_FILE` where the file could not be read
 * any more; it is left as it was.
 *
 * # Safety
 * `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `conf` is refused.
 */
jk_status jk_jailconf_add_jail(jk_jailconf *conf,
                               jk_bytes jail,
                               jk_error **error);

/**
 * Removes a jail's block, with the comment right above it. A jail that is not there is no error.
 *
 * Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
 *
 * # Safety
 * `conf` is NULL or a jail.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `conf` is refused.
 */
jk_status jk_jailconf_remove_jail(jk_jailconf *conf,
                                  jk_bytes jail,
                                  jk_error **error);

/**
 * The file laid out evenly, and saying what it said.
 *
 * On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` where the file could not be read any more.
 *
 * # Safety
 * `conf` is NULL or a jail.conf; `text` and `error` are NULL or places. A NULL `conf` or `text` is refused.
 */
jk_status jk_jailconf_formatted(const jk_jailconf *conf,
                                jk_text **text,
                                jk_error **error);

/**
 * Says whether jail(8) and the kernel would take the file and its jails. Where it would, the warnings are in `findings`, if that is not NULL;
 * free them with `jk_findings_free`.
 *
 * Errors: `JK_ERROR_FILE` with everything that is wrong, in the error's own findings; `findings` is NULL then.
 *
 * # Safety
 * `conf` is NULL or a jail.conf; `findings` and `error` are NULL or places. A NULL `conf` is refused.
 */
jk_status jk_jailconf_check(const jk_jailconf *conf,
                            jk_findings **findings,
                            jk_error **error);

/**
 * What the file comes to, jail by jail, with the files that it includes and the variables replaced, as jail(8) reads
 * it. Later edits of `conf` do not change it.
 *
 * On success a new handle is in `resolved`; free it with `jk_resolved_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` where jail(8) would refuse the file or one that it includes.
 *
 * # Safety
 * `conf` is NULL or a jail.conf; `resolved` and `error` are NULL or places. A NULL `conf` or `resolved` is refused.
 */
jk_status jk_jailconf_resolve(const jk_jailconf *conf,
                              jk_resolved **resolved,
                              jk_error **error);

/**
 * Frees a jail.conf. NULL is fine.
 *
 * # Safety
 * `conf` is NULL or a jail.conf, and is not used any more.
 */
void jk_jailconf_free(jk_jailconf *conf);

/**
 * Mounts a file system: nmount(2), with the checks that mount(8) and mount_nullfs(8) make before it. `options` are
 * those of fstab(5), commas between them: `ro,nosuid`. `source` and `target` are absolute paths of the host; types
 * that take no source are given their name. Nothing is kept of the bytes.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where a path leads nowhere; `JK_ERROR_KERNEL` for what the kernel refuses or would not
 * survive; `JK_ERROR_RIGHTS`.
 *
 * # Safety
 * `host` is NULL or a host; `error` is NULL or a place; the bytes are there. A NULL `host` is refused.
 */
jk_status jk_mount(const jk_host *host,
                   jk_bytes fstype,
                   jk_bytes source,
                   jk_bytes target,
                   jk_bytes options,
                   jk_error **error);

/**
 * Unmounts the topmost file system at a path: unmount(2); one in use too, where `force` is true.
 *
 * Errors: `JK_ERROR_KERNEL` with the errno `EINVAL` where nothing is mounted there, `EBUSY` where it is in use;
 * `JK_ERROR_RIGHTS`.
 *
 * # Safety
 * `host` is NULL or a host; `error` is NULL or a place; the bytes are there. A NULL `host` is refused.
 */
jk_status jk_unmount(const jk_host *host,
                     jk_bytes target,
                     bool force,
                     jk_error **error);

/**
 * Lists what is mounted, in the order it was mounted: getmntinfo(3).
 *
 * On success a new handle is in `mounts`; free it with `jk_mounts_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_KERNEL` where the kernel cannot be asked.
 *
 * # Safety
 * `host` is NULL or a host; `mounts` and `error` are NULL or places. A NULL `host` or `mounts` is refused.
 */
jk_status jk_mounts_list(const jk_host *host,
                         jk_mounts **mounts,
                         jk_error **error);

/**
 * How many file systems there are; 0 for NULL.
 *
 * # Safety
 * `mounts` is NULL or a list of mounts.
 */
size_t jk_mounts_len(const jk_mounts *mounts);

/**
 * The file system of a number, from 0; one without bytes where there is none.
 *
 * The bytes are the list's.
 *
 * # Safety
 * `mounts` is NULL or a list of mounts.
 */
jk_mount_entry jk_mounts_get(const jk_mounts *mounts, size_t index);

/**
 * Frees a list of mounts. NULL is fine.
 *
 * # Safety
 * `mounts` is NULL or a list of mounts, and is not used any more.
 */
void jk_mounts_free(jk_mounts *mounts);

/**
 * Parses the text of a pf.conf(5), statement by statement. `name` is what messages call the file. Neither is kept.
 *
 * On success a new handle is in `rules`; free it with `jk_pf_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` for a quote or brace never closed, a statement that begins with no word of pf.conf(5),
 * sections out of order, a macro used before it is defined. What else pfctl(8) would refuse, `jk_pf_expand` does.
 *
 * # Safety
 * `rules` and `error` are NULL or places; the bytes are there. A NULL `rules` is refused.
 */
jk_status jk_pf_parse(jk_bytes name,
                      jk_bytes text,
                      jk_pf **rules,
                      jk_error **error);

/**
 * Reads a pf.conf(5) from the disk of the system that the program runs on.
 *
 * On success a new handle is in `rules`; free it with `jk_pf_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE` as
 * `jk_pf_parse` has it.
 *
 * # Safety
 * `rules` and `error` are NULL or places; the bytes are there. A NULL `rules` is refused.
 */
jk_status jk_pf_read(jk_bytes path,
                     jk_pf **rules,
                     jk_error **error);

/**
 * The file as it now is; nothing for NULL.
 *
 * The bytes are the handle's, and are there until it is edited or freed.
 *
 * # Safety
 * `rules` is NULL or a pf.conf.
 */
jk_bytes jk_pf_text(const jk_pf *rules);

/**
 * The value of a macro, its quotes taken off; the last definition counts. Nothing where it is not defined.
 *
 * The bytes are the handle's, and are there until it is edited or freed.
 *
 * # Safety
 * `rules` is NULL or a pf.conf; the bytes are there.
 */
jk_bytes jk_pf_macro(const jk_pf *rules,
                     jk_bytes name);

/**
 * Gives a macro its value: in place where it is defined, else on a line behind the macros at the top. Nothing is kept
 * of the bytes, which are UTF-8.
 *
 * Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
 *
 * # Safety
 * `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `rules` is refused.
 */
jk_status jk_pf_set_macro(jk_pf *rules,
                          jk_bytes name,
                          jk_bytes value,
                          jk_error **error);

/**
 * Takes a macro's definition out. One that is not there is no error.
 *
 * Errors: `JK_ERROR_FILE` where a rule still uses it; the file is left as it was.
 *
 * # Safety
 * `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `rules` is refused.
 */
jk_status jk_pf_unset_macro(jk_pf *rules,
                            jk_bytes name,
                            jk_error **error);

/**
 * Whether a rule of just these words is in the file; blanks between them do not count. False for NULL.
 *
 * # Safety
 * `rules` is NULL or a pf.conf; the bytes are there.
 */
bool jk_pf_contains(const jk_pf *rules,
                    jk_bytes rule);

/**
 * Adds a rule at the end of a section, one of `jk_pf_section`; nothing happens where it is in the file already.
 *
 * Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
 *
 * # Safety
 * `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `rules` is refused.
 */
jk_status jk_pf_insert(jk_pf *rules,
                       uint32_t section,
                       jk_bytes rule,
                       jk_error **error);

/**
 * Takes a rule out, its line with it where it is alone there. One that is not there is no error.
 *
 * Errors: `JK_ERROR_FILE` where the file could not be read any more; it is left as it was.
 *
 * # Safety
 * `rules` is NULL or a pf.conf that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `rules` is refused.
 */
jk_status jk_pf_remove(jk_pf *rules,
                       jk_bytes rule,
                       jk_error **error);

/**
 * The text tidied: no blanks at the ends of lines, one empty line at most between others.
 *
 * On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` where the tidied text could not be read any more.
 *
 * # Safety
 * `rules` is NULL or a pf.conf; `text` and `error` are NULL or places. A NULL `rules` or `text` is refused.
 */
jk_status jk_pf_tidied(const jk_pf *rules,
                       jk_text **text,
                       jk_error **error);

/**
 * Expands the file into rules, as pfctl(8) does. NULL as `interfaces` stands for a host with `lo0` alone. Files that
 * it names (`include`, `load anchor`, a table's `file`) are read from the disk only where `with_files` is true; else
 * they are said not to exist. Later changes of `rules` and `interfaces` do not change the ruleset.
 *
 * On success a new handle is in `ruleset`; free it with `jk_ruleset_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` with a finding for everything that pfctl(8) refuses.
 *
 * # Safety
 * `rules` is NULL or a pf.conf, `interfaces` NULL or interfaces; `ruleset` and `error` are NULL or places. A NULL
 * `rules` or `ruleset` is refused.
 */
jk_status jk_pf_expand(const jk_pf *rules,
                       const jk_interfaces *interfaces,
                       bool with_files,
                       jk_ruleset **ruleset,
                       jk_error **error);

/**
 * Frees a pf.conf. NULL is fine.
 *
 * # Safety
 * `rules` is NULL or a pf.conf, and is not used any more.
 */
void jk_pf_free(jk_pf *rules);

/**
 * How many jails there are; 0 for NULL.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
size_t jk_resolved_len(const jk_resolved *resolved);

/**
 * The name of a jail, or its number where that is how the file calls it; nothing where there is no such jail.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
jk_bytes jk_resolved_name(const jk_resolved *resolved,
                          size_t jail);

/**
 * The names of up to `len` jails from the jail `first` on, written to `names`; how many there were. One call lists a
 * whole file.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; `names` has room for `len`, and is NULL only where `len` is 0.
 */
size_t jk_resolved_names(const jk_resolved *resolved,
                         size_t first,
                         jk_bytes *names,
                         size_t len);

/**
 * The number of the jail of a name; `JK_NONE` where there is none. The first search makes an index, so that each
 * later one takes the same time however many jails there are.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; the bytes are there.
 */
size_t jk_resolved_find(const jk_resolved *resolved,
                        jk_bytes name);

/**
 * Why jail(8) would not start a jail, at its place in the file: a variable that is not there, a loop. Where it would,
 * a finding with line 0 and no bytes.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
jk_finding jk_resolved_failed(const jk_resolved *resolved,
                              size_t jail);

/**
 * How many parameters a jail has; 0 where there is no such jail.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
size_t jk_resolved_params(const jk_resolved *resolved, size_t jail);

/**
 * The name of a parameter of a jail; nothing where there is none of that number.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
jk_bytes jk_resolved_param(const jk_resolved *resolved, size_t jail, size_t param);

/**
 * The number of a jail's parameter of this name, whether in its plain form or its `no` form; `JK_NONE` where the jail
 * does not have it.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; the bytes are there.
 */
size_t jk_resolved_find_param(const jk_resolved *resolved,
                              size_t jail,
                              jk_bytes name);

/**
 * How many values a parameter of a jail has; 0 for a bare one, and where there is none of that number.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
size_t jk_resolved_values(const jk_resolved *resolved,
                          size_t jail,
                          size_t param);

/**
 * A value of a parameter of a jail; nothing where there is none of that number.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf.
 */
jk_bytes jk_resolved_value(const jk_resolved *resolved, size_t jail, size_t param, size_t value);

/**
 * The last value of a jail's parameter of this name, which is the one that counts where there can be only one;
 * nothing where the jail does not have it, or has it bare.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; the bytes are there.
 */
jk_bytes jk_resolved_get(const jk_resolved *resolved,
                         size_t jail,
                         jk_bytes name);

/**
 * Whether a jail's boolean parameter is there and true, as jail(8) reads it: bare, `true`, or a number that is not 0;
 * the `no` form the other way round.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; the bytes are there.
 */
bool jk_resolved_is_true(const jk_resolved *resolved,
                         size_t jail,
                         jk_bytes name);

/**
 * Everything as JSON: `[{"jail": ..., "failed": ..., "params": [["name", "value", ...], ...]}, ...]`. Bytes that are
 * not UTF-8 are replaced there.
 *
 * On success a new text is in `json`; free it with `jk_text_free`. Else NULL is.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf; `json` and `error` are NULL or places. A NULL `resolved` or `json` is
 * refused.
 */
jk_status jk_resolved_json(const jk_resolved *resolved,
                           jk_text **json,
                           jk_error **error);

/**
 * Frees a resolved jail.conf. NULL is fine.
 *
 * # Safety
 * `resolved` is NULL or a resolved jail.conf, and is not used any more.
 */
void jk_resolved_free(jk_resolved *resolved);

/**
 * The interfaces of a host with `lo0` alone, which has `::1`, `fe80::1` and `127.0.0.1`.
 *
 * On success a new handle is in `interfaces`; free it with `jk_interfaces_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` only.
 *
 * # Safety
 * `interfaces` and `error` are NULL or places. A NULL `interfaces` is refused.
 */
jk_status jk_interfaces_new(jk_interfaces **interfaces, jk_error **error);

/**
 * Adds an interface, in place of one of its name: `igb0=203.0.113.5/24,2001:db8::5/64`. Nothing is kept of the bytes.
 *
 * Errors: `JK_ERROR_ARGUMENT` for other text.
 *
 * # Safety
 * `interfaces` is NULL or interfaces that nobody else uses meanwhile; `error` is NULL or a place; the bytes are
 * there. NULL `interfaces` are refused.
 */
jk_status jk_interfaces_add(jk_interfaces *interfaces,
                            jk_bytes interface,
                            jk_error **error);

/**
 * Frees interfaces. NULL is fine.
 *
 * # Safety
 * `interfaces` is NULL or interfaces, and is not used any more.
 */
void jk_interfaces_free(jk_interfaces *interfaces);

/**
 * How many rules there are, those of inline anchors with them; 0 for NULL.
 *
 * # Safety
 * `ruleset` is NULL or a ruleset.
 */
size_t jk_ruleset_len(const jk_ruleset *ruleset);

/**
 * The ruleset as `pfctl -nv` prints it.
 *
 * On success a new text is in `text`; free it with `jk_text_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
 *
 * # Safety
 * `ruleset` is NULL or a ruleset; `text` and `error` are NULL or places. A NULL `ruleset` or `text` is refused.
 */
jk_status jk_ruleset_print(const jk_ruleset *ruleset,
                           jk_text **text,
                           jk_error **error);

/**
 * Frees a ruleset. NULL is fine. Tracers and traces made with it stay.
 *
 * # Safety
 * `ruleset` is NULL or a ruleset, and is not used any more.
 */
void jk_ruleset_free(jk_ruleset *ruleset);

/**
 * Takes the right to change a host, and clears away what a killed run left half written. `purpose` is what others are
 * told it is held for, such as `up`. Where somebody holds it, waits for them where `wait` is true.
 *
 * On success a new handle is in `session`; free it with `jk_session_free`, which gives the right back. It stays when
 * the host is freed. Else NULL is.
 *
 * Errors: `JK_ERROR_BUSY` where another jailkit is at work; `JK_ERROR_RIGHTS` where this process is not root;
 * `JK_ERROR_IO`.
 *
 * # Safety
 * `host` is NULL or a host; `session` and `error` are NULL or places; the bytes are there. A NULL `host` or `session`
 * is refused.
 */
jk_status jk_session_open(const jk_host *host,
                          jk_bytes purpose,
                          bool wait,
                          jk_session **session,
                          jk_error **error);

/**
 * What it takes to make the session's host run a stack. Nothing is changed.
 *
 * On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
 *
 * Errors: as `jk_plan_up` has them.
 *
 * # Safety
 * `session` is NULL or a session, `stack` NULL or a stack; `plan` and `error` are NULL or places. A NULL `session`,
 * `stack` or `plan` is refused.
 */
jk_status jk_session_plan_up(const jk_session *session,
                             const jk_stack *stack,
                             jk_plan **plan,
                             jk_error **error);

/**
 * What takes back everything that jailkit has made on the session's host; the jails' data too, where `purge` is true.
 * Nothing is changed.
 *
 * On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
 *
 * Errors: as `jk_plan_up` has them.
 *
 * # Safety
 * `session` is NULL or a session; `plan` and `error` are NULL or places. A NULL `session` or `plan` is refused.
 */
jk_status jk_session_plan_down(const jk_session *session,
                               bool purge,
                               jk_plan **plan,
                               jk_error **error);

/**
 * Carries out a plan that was made in this session. `progress` is told how far it is, with `user`, and may call it
 * off; NULL where nobody is to be told. A plan that failed, was called off or killed is taken up where it stopped, by
 * a new plan of the same stack.
 *
 * Errors: `JK_ERROR_CANCELLED` where the callback called it off; `JK_ERROR_ARGUMENT` for a plan of another session;
 * `JK_ERROR_CONFLICT` where a file has been changed since the plan was made; else the step that failed and why.
 *
 * # Safety
 * `session` is NULL or a session that nobody else uses meanwhile, `plan` NULL or a plan; `error` is NULL or a place;
 * `progress` may be called from other threads with `user`. A NULL `session` or `plan` is refused.
 */
jk_status jk_session_apply(jk_session *session,
                           const jk_plan *plan,
                           jk_progress_fn progress,
                           void *user,
                           jk_error **error);

/**
 * Gives the right to change the host back. NULL is fine. The session's plans stay, to be looked at.
 *
 * # Safety
 * `session` is NULL or a session, and is not used any more.
 */
void jk_session_free(jk_session *session);

/**
 * Reads a stack file from the disk of the system that the program runs on; relative paths in it start at the file.
 * The warnings are in `findings`, if that is not NULL; free them with `jk_findings_free`.
 *
 * On success a new handle is in `stack`; free it with `jk_stack_free`. Else NULL is there, and in `findings`.
 *
 * Errors: `JK_ERROR_NOT_FOUND`, `JK_ERROR_RIGHTS` and `JK_ERROR_IO` where the file cannot be read; `JK_ERROR_FILE`
 * with everything that is wrong, in the error's own findings.
 *
 * # Safety
 * `stack`, `findings` and `error` are NULL or places; the bytes are there. A NULL `stack` is refused.
 */
jk_status jk_stack_read(jk_bytes path,
                        jk_stack **stack,
                        jk_findings **findings,
                        jk_error **error);

/**
 * What the stack is called; nothing for NULL.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `stack` is NULL or a stack.
 */
jk_bytes jk_stack_name(const jk_stack *stack);

/**
 * How many jails the stack has; 0 for NULL.
 *
 * # Safety
 * `stack` is NULL or a stack.
 */
size_t jk_stack_len(const jk_stack *stack);

/**
 * The name of a jail of the stack, by its number in the file, from 0; nothing where there is none.
 *
 * The bytes are the handle's.
 *
 * # Safety
 * `stack` is NULL or a stack.
 */
jk_bytes jk_stack_jail(const jk_stack *stack, size_t index);

/**
 * Frees a stack. NULL is fine. Its plans stay.
 *
 * # Safety
 * `stack` is NULL or a stack, and is not used any more.
 */
void jk_stack_free(jk_stack *stack);

/**
 * What it takes to make a host run a stack, to be looked at; `jk_session_plan_up` makes one to be carried out.
 * Nothing is changed.
 *
 * On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_FILE` where the stack or a configuration file of the host is wrong; `JK_ERROR_CONFLICT` where
 * something else is in the way; `JK_ERROR_IO` and `JK_ERROR_KERNEL` where the host cannot be looked at;
 * `JK_ERROR_FAILED` where the base archive is not what it is to be.
 *
 * # Safety
 * `host` is NULL or a host, `stack` NULL or a stack; `plan` and `error` are NULL or places. A NULL `host`, `stack` or
 * `plan` is refused.
 */
jk_status jk_plan_up(const jk_host *host,
                     const jk_stack *stack,
                     jk_plan **plan,
                     jk_error **error);

/**
 * What takes back everything that jailkit has made on a host, to be looked at; the jails' data too, where `purge` is
 * true. `jk_session_plan_down` makes one to be carried out. Nothing is changed.
 *
 * On success a new handle is in `plan`; free it with `jk_plan_free`. Else NULL is.
 *
 * Errors: as `jk_plan_up` has them.
 *
 * # Safety
 * `host` is NULL or a host; `plan` and `error` are NULL or places. A NULL `host` or `plan` is refused.
 */
jk_status jk_plan_down(const jk_host *host,
                       bool purge,
                       jk_plan **plan,
                       jk_error **error);

/**
 * How many steps a plan has: 0 where the host is as it is to be, and for NULL.
 *
 * # Safety
 * `plan` is NULL or a plan.
 */
size_t jk_plan_len(const jk_plan *plan);

/**
 * A step as a person is told what will be done, by its number from 0; nothing where there is none.
 *
 * The bytes are the plan's.
 *
 * # Safety
 * `plan` is NULL or a plan.
 */
jk_bytes jk_plan_step(const jk_plan *plan, size_t index);

/**
 * A plan as JSON, as `jailkit plan --json` prints it, with each file before and after.
 *
 * On success a new text is in `json`; free it with `jk_text_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
 *
 * # Safety
 * `plan` is NULL or a plan; `json` and `error` are NULL or places. A NULL `plan` or `json` is refused.
 */
jk_status jk_plan_json(const jk_plan *plan,
                       jk_text **json,
                       jk_error **error);

/**
 * Frees a plan. NULL is fine.
 *
 * # Safety
 * `plan` is NULL or a plan, and is not used any more.
 */
void jk_plan_free(jk_plan *plan);

/**
 * How many strings there are; 0 for NULL.
 *
 * # Safety
 * `strings` is NULL or a list of strings.
 */
size_t jk_strings_len(const jk_strings *strings);

/**
 * The string of a number, from 0; nothing where there is none.
 *
 * The bytes are the list's.
 *
 * # Safety
 * `strings` is NULL or a list of strings.
 */
jk_bytes jk_strings_get(const jk_strings *strings, size_t index);

/**
 * Frees a list of strings. NULL is fine.
 *
 * # Safety
 * `strings` is NULL or a list of strings, and is not used any more.
 */
void jk_strings_free(jk_strings *strings);

/**
 * The bytes of a text; nothing for NULL.
 *
 * The bytes are the text's.
 *
 * # Safety
 * `text` is NULL or a text.
 */
jk_bytes jk_text_bytes(const jk_text *text);

/**
 * Frees a text. NULL is fine.
 *
 * # Safety
 * `text` is NULL or a text, and is not used any more.
 */
void jk_text_free(jk_text *text);

/**
 * A tracer for a ruleset, with the ruleset's own tables and no connections.
 *
 * On success a new handle is in `tracer`; free it with `jk_tracer_free`. It stays when the ruleset is freed. Else
 * NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
 *
 * # Safety
 * `ruleset` is NULL or a ruleset; `tracer` and `error` are NULL or places. A NULL `ruleset` or `tracer` is refused.
 */
jk_status jk_tracer_new(const jk_ruleset *ruleset,
                        jk_tracer **tracer,
                        jk_error **error);

/**
 * Fills a table, in every anchor that has one of the name, in place of what the ruleset puts into it:
 * `bad=198.51.100.0/24,!198.51.100.7`. Nothing is kept of the bytes.
 *
 * Errors: `JK_ERROR_ARGUMENT` for other text.
 *
 * # Safety
 * `tracer` is NULL or a tracer that nobody else uses meanwhile; `error` is NULL or a place; the bytes are there. A
 * NULL `tracer` is refused.
 */
jk_status jk_tracer_fill_table(jk_tracer *tracer,
                               jk_bytes table,
                               jk_error **error);

/**
 * Adds the connection that a traced packet opens: its packets, and the replies, pass from now on. Where the trace
 * leaves no state, nothing happens.
 *
 * Errors: `JK_ERROR_ARGUMENT` and `JK_ERROR_HANDLE` only.
 *
 * # Safety
 * `tracer` is NULL or a tracer that nobody else uses meanwhile, `trace` NULL or a trace; `error` is NULL or a place.
 * A NULL `tracer` or `trace` is refused.
 */
jk_status jk_tracer_track(jk_tracer *tracer,
                          const jk_trace *trace,
                          jk_error **error);

/**
 * Says what becomes of a packet. Nothing is kept of its bytes.
 *
 * On success a new handle is in `trace`; free it with `jk_trace_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_ARGUMENT` where there can be no such packet.
 *
 * # Safety
 * `tracer` is NULL or a tracer; `trace` and `error` are NULL or places; the bytes are there. A NULL `tracer` or
 * `trace` is refused.
 */
jk_status jk_tracer_trace(const jk_tracer *tracer,
                          jk_packet packet,
                          jk_trace **trace,
                          jk_error **error);

/**
 * Says what becomes of the reply to a traced packet; `jk_tracer_track` the trace first, for the reply to belong to
 * its connection.
 *
 * On success a new handle is in `reply`; free it with `jk_trace_free`. Else NULL is.
 *
 * Errors: `JK_ERROR_NOT_FOUND` where the traced packet leaves no state to which there could be a reply.
 *
 * # Safety
 * `tracer` is NULL or a tracer, `trace` NULL or a trace; `reply` and `error` are NULL or places. A NULL `tracer`,
 * `trace` or `reply` is refused.
 */
jk_status jk_tracer_reply(const jk_tracer *tracer,
                          const jk_trace *trace,
                          jk_trace **reply,
                          jk_error **error);

/**
 * Frees a tracer. NULL is fine. Its traces stay.
 *
 * # Safety
 * `tracer` is NULL or a tracer, and is not used any more.
 */
void jk_tracer_free(jk_tracer *tracer);

/**
 * What becomes of the packet; `JK_NO_VERDICT` for NULL.
 *
 * # Safety
 * `trace` is NULL or a trace.
 */
jk_verdict jk_trace_verdict(const jk_trace *trace);

/**
 * The whole trace for a person, several lines; nothing for NULL.
 *
 * The bytes are the trace's.
 *
 * # Safety
 * `trace` is NULL or a trace.
 */
jk_bytes jk_trace_text(const jk_trace *trace);

/**
 * The whole trace as JSON, as `jailkit pf trace --json` prints it; nothing for NULL.
 *
 * The bytes are the trace's.
 *
 * # Safety
 * `trace` is NULL or a trace.
 */
jk_bytes jk_trace_json(const jk_trace *trace);

/**
 * How many steps the packet's way has, the first where it may end in several; 0 for NULL.
 *
 * # Safety
 * `trace` is NULL or a trace.
 */
size_t jk_trace_len(const jk_trace *trace);

/**
 * The step of a number, from 0; one without bytes where there is none.
 *
 * The bytes are the trace's.
 *
 * # Safety
 * `trace` is NULL or a trace.
 */
jk_trace_step jk_trace_get(const jk_trace *trace, size_t index);

/**
 * Frees a trace. NULL is fine.
 *
 * # Safety
 * `trace` is NULL or a trace, and is not used any more.
 */
void jk_trace_free(jk_trace *trace);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* JAILKIT_H */

#ifndef JAILKIT_INLINE_H
#define JAILKIT_INLINE_H

/**
 * The bytes of a string that ends with a NUL; those of NULL are none.
 */
static inline jk_bytes jk_str(const char *text) {
  jk_bytes bytes;
  bytes.data = (const uint8_t *)text;
  bytes.len = text == NULL ? 0 : strlen(text);
  return bytes;
}

/**
 * Another name of jk_abi_version.
 */
static inline uint32_t jailkit_abi_version(void) {
  return jk_abi_version();
}

#endif  /* JAILKIT_INLINE_H */
