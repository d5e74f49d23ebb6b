import Base
import Glibc
import Linux
public import WorkerCore

/// Runs one command of `mcp-worker`.
public enum WorkerProcess {
    /// The exit codes of all our programs.
    public enum ExitCode {
        public static let usage: Int32 = 64
        public static let unavailable: Int32 = 69
        public static let ourBug: Int32 = 70
    }

    /// Serves standard input and output until the input ends.
    public static func serve(_ configuration: SQLConfiguration) -> Never {
        // Without this a client that goes away ends the process by a signal.
        try? Signal.brokenPipe.ignore()
        Self.boundMemory(configuration.limits)
        guard SQLiteLibrary.start(memoryMax: configuration.limits.memoryMax) else {
            self.complain("the SQLite library refuses its configuration")
            ProcessEnd.exit(ExitCode.ourBug)
        }
        do {
            let loop = try WorkerLoop(configuration, input: .standardInput, output: .standardOutput)
            let files = DatabaseFiles(configuration.databases)
            Self.confine(to: files)
            try withExtendedLifetime(files) { try loop.run() }
        } catch {
            self.complain("cannot start: \(error)")
            ProcessEnd.exit(ExitCode.unavailable)
        }
    }

    /// Writes the sample database. Returns the exit code.
    public static func writeSample(to path: [UInt8]) -> Int32 {
        do throws(SampleDatabase.Failure) {
            try SampleDatabase.write(to: path)
            return 0
        } catch {
            self.complain("cannot write the sample database: \(error)")
            return ExitCode.unavailable
        }
    }

    public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

    /// One line on standard error.
    public static func complain(_ message: String) {
        let line = Array("mcp-worker: \(message)\n".utf8)
        _ = try? FileDescriptor.standardError.write(line.span)
    }

    /// Below the engine's own layers: the kernel opens nothing for this process but its databases, and those for reading.
    private static func confine(to files: DatabaseFiles) {
        // Expected: an old kernel. The engine's layers hold by themselves.
        guard Landlock.version != nil else {
            return self.complain("this kernel has no Landlock; files are confined by SQLite alone")
        }
        do throws(SystemError) {
            try Landlock.allowOnly(reading: files.reading, writing: files.writing)
        } catch {
            self.complain("cannot confine files: \(error)")
            ProcessEnd.exit(ExitCode.ourBug)
        }
    }

    /// The last resort behind the engine's own limit: address space for it, its threads and the results. Beyond it allocations
    /// fail.
    private static func boundMemory(_ limits: SQLLimits) {
        ProcessMemory.useOneArena()
        let engine = UInt64(clamping: limits.memoryMax)
        let results = UInt64(clamping: limits.resultBytesMax) * 8 * UInt64(clamping: limits.concurrency + 1)
        // Expected: where even that cannot be set, the engine's own limit still holds.
        try? ProcessMemory.limitAddressSpace(engine + results + Self.programBytes)
    }

    /// Addresses for the program, its libraries and stacks.
    private static let programBytes: UInt64 = 512 << 20
}
