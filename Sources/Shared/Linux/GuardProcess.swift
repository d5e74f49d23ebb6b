import CLinux
import Glibc

/// The process between us and a third-party server, which makes sure that nothing the server starts outlives us, not even
/// when we are killed by SIGKILL. It is this package's worker binary, called as
///
///     mcp-worker launch [--lifeline-fd N] [--grace-ms N] [--term-ms N] -- command [argument ...]
///
/// * Standard input, output and error go to the command; the guard keeps no copy, so their ends are seen as without it.
/// * The *lifeline* is the reading end of a pipe whose writing end only the supervisor holds. When it ends, the command has
///   `grace` to leave by itself (its standard input has ended too), then all descendants get SIGTERM, and after `term` SIGKILL.
/// * SIGTERM to the guard is passed on to all descendants. SIGQUIT to the guard kills them all at once, and is what to use
///   instead of SIGKILL. Its other signals are ignored.
/// * It is a subreaper and ends only when no descendant is left. A command that ends takes what it started with it: SIGTERM,
///   then SIGKILL.
/// * Its exit status is the command's, also for a death by signal; 127 when the command was not found, 126 when it cannot be
///   run, 64 and 70 for faults of its own.
/// * The supervisor's children have one process more each; `Spawn.Child.pid` is the guard, which leads the group and session.
///
/// All of it is C (clinux_launch.c), with nothing of Swift's running but what the loader and `main` do before.
public enum GuardProcess {
    /// The word that selects it.
    public static var argument: StaticString { "launch" }

    /// To be the first line of the worker's `main`: becomes the guard, and never returns, when the first argument is `launch`.
    public static func runIfAsked() {
        let count = Int(CommandLine.argc)
        guard count >= 2, let name = unsafe CommandLine.unsafeArgv[1], unsafe strcmp(name, self.argument.utf8Start) == 0 else {
            return
        }
        unsafe exit(clinux_launch_main(Int32(count - 2), CommandLine.unsafeArgv + 2))
    }

    /// The arguments that make the worker binary guard a command, for `Spawn.arguments`.
    public static func arguments(
        lifeline: Int32?, graceMilliseconds: Int64 = 300, termMilliseconds: Int64 = 400, command: [UInt8], arguments: [[UInt8]]
    ) -> [[UInt8]] {
        var all = [Array("\(self.argument)".utf8)]
        if let lifeline { all += [Array("--lifeline-fd".utf8), Array("\(lifeline)".utf8)] }
        all += [Array("--grace-ms".utf8), Array("\(graceMilliseconds)".utf8)]
        all += [Array("--term-ms".utf8), Array("\(termMilliseconds)".utf8)]
        return all + [Array("--".utf8), command] + arguments
    }
}
