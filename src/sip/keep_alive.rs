//! Keep-alives of telephones that registered by datagrams (RFC 5626 §3.5.2): a STUN request on the port of SIP, answered with
//! the address that it came from, by which the telephone learns that its flow still stands. Pure.

use std::net::{IpAddr, SocketAddr};

/// RFC 5389 §6.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];
/// Type, length, cookie and transaction.
const HEADER_BYTES: usize = 20;
/// A keep-alive has no attributes, or a few that name the software.
const BYTES_MAX: usize = 128;

/// What goes back to a keep-alive; `None` for everything else. No SIP message begins with a NUL byte.
pub(super) fn answer(datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_at_checked(HEADER_BYTES)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let is_request = header[..2] == BINDING_REQUEST && header[4..8] == COOKIE;
    if !is_request || length != attributes.len() || datagram.len() > BYTES_MAX {
        return None;
    }
    let port = from.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let (family, ip): (u8, Vec<u8>) = match from.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    // Hidden by cookie and transaction from routers that rewrite addresses wherever they find them (RFC 5389 §15.2).
    let hidden = ip.iter().zip(&header[4..]).map(|(byte, mask)| byte ^ mask);
    let mut answer = Vec::with_capacity(HEADER_BYTES + 24);
    answer.extend(BINDING_SUCCESS);
    answer.extend((8 + ip.len() as u16).to_be_bytes());
    answer.extend(&header[4..]);
    answer.extend(XOR_MAPPED_ADDRESS);
    answer.extend((4 + ip.len() as u16).to_be_bytes());
    answer.extend([0, family]);
    answer.extend(port.to_be_bytes());
    answer.extend(hidden);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(length: u16, more: usize) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes.extend(7..19);
        bytes.resize(HEADER_BYTES + more, 0);
        bytes
    }

    #[test]
    fn a_keep_alive_is_answered_with_the_address_it_came_from() {
        let answer = answer(&request(0, 0), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(answer[..4], [1, 1, 0, 12]);
        assert_eq!(answer[4..20], request(0, 0)[4..20]);
        // RFC 5769 §2.2's address, by its own cookie.
        assert_eq!(answer[20..], [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    /// M5: lengths that lie, other kinds, and what is too long.
    #[test]
    fn everything_else_is_none() {
        let from = "192.0.2.1:1".parse().unwrap();
        let good = request(0, 0);
        for end in 0..good.len() {
            assert_eq!(answer(&good[..end], from), None);
        }
        assert_eq!(answer(&request(4, 0), from), None);
        assert_eq!(answer(&request(0, 4), from), None);
        assert_eq!(answer(&request(400, 400), from), None);
        for at in [0, 1, 4] {
            let mut other = good.clone();
            other[at] ^= 0x10;
            assert_eq!(answer(&other, from), None);
        }
        assert_eq!(answer(b"OPTIONS sip:desk@127.0.0.1 SIP/2.0\r\n\r\n", from), None);
    }
}
