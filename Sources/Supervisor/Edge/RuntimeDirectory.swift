import Linux
import SupervisorCore

/// The runtime directory: for now the pid file, whose lock keeps a second supervisor out of it.
///
/// Only where the operator or the service manager named it. Without a name several supervisors on one machine, each on its own port,
/// would all mean the same place.
enum RuntimeDirectory {
    /// The lock lasts as long as the process, whoever ends it. Nil where no directory is named.
    static func lock(_ directories: Directories) throws(Startup.Failure) -> LockFile? {
        guard directories.isRuntimeNamed, let directory = directories.runtime.first else { return nil }
        let path = "\(directory)/pid"
        var owner: Int32?
        do throws(SystemError) {
            try Files.makeDirectories(directory)
            switch try LockFile.acquire(path) {
            case .locked(let file): return file
            case .held(let process): owner = process
            }
        } catch {
            throw Startup.Failure(code: error.exitCode, text: "cannot use the runtime directory \(directory): \(error)")
        }
        throw Startup.Failure(
            code: .unavailable,
            text: """
                \(path) is locked by \(owner.map { "process \($0)" } ?? "another process"): a supervisor with this runtime \
                directory is running already
                """)
    }
}
