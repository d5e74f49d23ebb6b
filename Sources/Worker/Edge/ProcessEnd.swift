import Glibc

/// The end of the process.
enum ProcessEnd {
    /// Ends at once, without waiting for threads that are still inside the engine.
    static func exit(_ code: Int32) -> Never { Glibc._exit(code) }
}
