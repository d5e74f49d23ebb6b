/// Bugs that are put in on purpose, between the machine and the simulated kernel, to prove that the checkers see them. Each is rare
/// enough that only the right moment shows it.
public enum Canary: String, CaseIterable, Sendable {
    /// Two answers of one worker swap their ids: each goes to the other's client.
    case wrongClient = "wrong-client"
    /// Bytes for a client are written twice.
    case doubleAnswer = "double-answer"
    /// Bytes for a client are taken and never written.
    case lostAnswer = "lost-answer"
    /// A byte on its way to a worker is dropped.
    case tornLine = "torn-line"
    /// The death of a worker is never reported.
    case unreaped = "unreaped"
    /// SIGKILL is not sent.
    case noKill = "no-kill"
}
