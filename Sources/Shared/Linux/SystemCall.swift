import Glibc

/// The one place where results of system calls become values or errors. Raw results follow the kernel's own convention: the
/// negative error number, so that it travels with the result and nothing in between can overwrite `errno`.
enum SystemCall {
    /// For functions of the C library: -1 becomes the negative error number. `errno` is read right after `body`.
    @inline(__always)
    static func raw<Number: SignedInteger>(_ body: () -> Number) -> Int {
        let result = body()
        return result >= 0 ? Int(result) : -Int(errno)
    }

    /// Repeats `body` while a signal interrupts it.
    @inline(__always)
    static func uninterrupted(_ body: () -> Int) -> Int {
        while true {  // Bound: the number of signals that arrive.
            let result = body()
            if result != -Int(EINTR) { return result }
        }
    }

    /// The result, or the error. Traps on what can only be our own mistake.
    @inline(__always)
    @discardableResult
    static func check(_ result: Int, _ call: StaticString) throws(SystemError) -> Int {
        if result >= 0 { return result }
        throw self.failure(result, call)
    }

    @inline(__always)
    @discardableResult
    static func check(_ result: Int32, _ call: StaticString) throws(SystemError) -> Int32 {
        if result >= 0 { return result }
        throw self.failure(Int(result), call)
    }

    /// `result` is a negative error number.
    @inline(never)
    static func failure(_ result: Int, _ call: StaticString) -> SystemError {
        let code = Int32(truncatingIfNeeded: -result)
        // A descriptor used after its close may already be somebody else's: going on would write one client's bytes to another.
        precondition(code != EBADF, "\(call): not an open descriptor")
        precondition(code != EFAULT, "\(call): bad address")
        return SystemError(Errno(rawValue: code), call)
    }

    static func isWouldBlock(_ result: Int) -> Bool { result == -Int(EAGAIN) }
}
