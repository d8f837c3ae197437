"""Certificates and suspicions in words. Pure: values in, lines out."""

from __future__ import annotations

from bitgauge.benchmarks.analysis.certificate import allowed_false_positives, is_rehearsal
from bitgauge.benchmarks.vocabulary.session_options import session_words
from bitgauge.benchmarks.vocabulary.shown import moment
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import JobView


def certificate_lines(view: DeviceView, now_ns: int) -> list[str]:
    """One line per runtime that can have an A/A certificate: valid until when, or why not."""
    device = view.description
    if view.retired or not device.realness.keeps_time:
        return []
    newest = {one.runtime: one for one in view.aa_certificates if not is_rehearsal(one)}
    lines = []
    for runtime in device.runtimes:
        if runtime.simulated:
            continue
        state = _state(newest.get(runtime.name), runtime.fingerprint, now_ns)
        lines.append(f"A/A certificate for {runtime.name}: {state}")
    return lines


def _state(certificate: AaCertificate | None, fingerprint: str, now_ns: int) -> str:
    if certificate is None:
        return "none, so its verdicts are untrusted"
    if certificate.fingerprint != fingerprint:
        return f"none for the present stack (the last was of {moment(certificate.issued_unix_ns)})"
    if not certificate.passed:
        return f"refused {moment(certificate.issued_unix_ns)}: {certificate.reason}"
    if now_ns >= certificate.expires_unix_ns:
        return f"expired {moment(certificate.expires_unix_ns)}"
    return f"valid until {moment(certificate.expires_unix_ns)}, {_power(certificate)}"


def certificate_text(certificate: AaCertificate, device_name: str) -> str:
    """The result of a certification."""
    of = f"{device_name} with {certificate.runtime}"
    count, positives = certificate.comparisons, certificate.false_positives
    counted = (
        f"  {positives} of {count} comparisons with itself detected a difference"
        f" (chance explains {allowed_false_positives(count)})"
    )
    lines = [counted]
    if certificate.worst_effect is not None:
        lines.append(f"  the worst was off by {100 * certificate.worst_effect:.2f} %")
    if certificate.mde is not None:
        lines.append(f"  {_power(certificate)}")
    if certificate.passed:
        until = moment(certificate.expires_unix_ns)
        return "\n".join([f"{of} has an A/A certificate until {until}.", *lines])
    return "\n".join([f"{of} gets no A/A certificate: {certificate.reason}.", *lines])


def _power(certificate: AaCertificate) -> str:
    if certificate.mde is None:
        return "the smallest difference it finds is unknown"
    return f"finds differences of {100 * certificate.mde:.2f} % in 4 of 5 comparisons"


def exact_words(job: JobView) -> str | None:
    """What is measured in exact mode because it saturates, without full stop; None for nothing."""
    option = session_words(job.exact_options)
    if job.exact_by is not None:
        return f"what saturates in it is measured with {option} too, as job {job.exact_by}"
    if job.exact_of is not None:
        return f"it measures what saturates in job {job.exact_of} with {option}"
    return None


def suspect_words(job: JobView) -> str | None:
    """Why a job is suspect and what is done about it, without full stop; None when it is not."""
    again = f"; it measures the suspect job {job.repeats} again" if job.repeats else ""
    if job.suspect is None:
        return again.removeprefix("; ") or None
    if job.repeated_by is not None:
        return f"suspect, {job.suspect}; it is measured again as job {job.repeated_by}"
    return f"suspect, {job.suspect}{again}"
