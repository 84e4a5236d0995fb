//! HL7 messages over HTTP: what a laboratory's system sees.

use crate::client::{Answer, Client};
use crate::server::InProcess;

const HL7: &str = "application/hl7-v2";

/// A good message, different for every number.
fn message(number: u32) -> String {
    let text = include_str!("../data/oru_r01.hl7");
    text.replace("PHARM-000007-000001", &format!("CONTROL-{number}"))
        .replace("FILLER-7", &format!("FILLER-{number}"))
}

fn batch(messages: &[String]) -> String {
    let (count, text) = (messages.len(), messages.concat());
    format!("FHS|^~\\&|\rBHS|^~\\&|||||||||LOT-9\r{text}BTS|{count}\rFTS|1\r")
}

/// The fields of every segment of this name.
fn segments(answer: &Answer, name: &str) -> Vec<Vec<String>> {
    let text = answer.text();
    let of_name = text.split('\r').filter(|segment| segment.starts_with(name));
    of_name.map(|segment| segment.split('|').map(str::to_owned).collect()).collect()
}

async fn copies(client: &mut Client, receipt: &str) -> u64 {
    client.get(&format!("/v1/receipts/{receipt}")).await.expect(200).json()["copies"].as_u64().unwrap()
}

#[tokio::test]
async fn a_message_is_stored_and_acknowledged_with_its_receipt() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("sw-1").await;
    let answer = client.hand_in(HL7, &message(1)).await.expect(201);
    assert_eq!(answer.headers["content-type"], HL7);
    let head = &segments(&answer, "MSH")[0];
    assert_eq!(head[2..6], ["SIDEP-REF", "REF", "ENTRY-TEST", "PHARM-000007"]);
    assert_eq!((head[8].as_str(), head[10].as_str(), head[11].as_str()), ("ACK^R01^ACK", "T", "2.5.1"));
    let acknowledged = &segments(&answer, "MSA")[0];
    assert_eq!(acknowledged[1..3], ["AA", "CONTROL-1"]);
    assert_eq!(copies(&mut client, &acknowledged[3]).await, 1);
    // The same control id again is the same result; another sender's is another.
    let again = client.hand_in(HL7, &message(1)).await.expect(201);
    assert_eq!(segments(&again, "MSA")[0], *acknowledged);
    let other = server.signed_in("sw-2").await.hand_in(HL7, &message(1)).await.expect(201);
    assert_ne!(segments(&other, "MSA")[0][3], acknowledged[3]);
    assert_eq!(server.metric("sidep_store_results_total").await, 2.0);
    assert_eq!(server.metric("sidep_requests_served_total{class=\"software\",status=\"2xx\"}").await, 3.0);
}

#[tokio::test]
async fn in_a_batch_a_bad_message_does_not_stop_the_good_ones() {
    let server = InProcess::start("").await;
    let mut client = server.signed_in("lab-1").await;
    let mut messages: Vec<_> = (0..5).map(message).collect();
    messages[1] = messages[1].replace("+33639980007", "+33612345678").replace("|F|||2 PLACE", "|X|||2 PLACE");
    messages[3] = messages[3].replace("|T|2.5.1", "|P|2.5.1");
    let answer = client.hand_in(HL7, &batch(&messages)).await.expect(201);
    let said = segments(&answer, "MSA");
    let codes: Vec<_> = said.iter().map(|fields| (fields[1].as_str(), fields[2].as_str())).collect();
    let expected = [
        ("AA", "CONTROL-0"),
        ("AE", "CONTROL-1"),
        ("AA", "CONTROL-2"),
        ("AR", "CONTROL-3"),
        ("AA", "CONTROL-4"),
    ];
    assert_eq!(codes, expected);
    let errors: Vec<_> = segments(&answer, "ERR").into_iter().map(|fields| fields[2].clone()).collect();
    assert_eq!(errors, ["PID^1^8", "PID^1^13", "MSH^1^11"]);
    let envelope = answer.text();
    assert!(envelope.starts_with("FHS|") && envelope.ends_with("BTS|5\rFTS|1\r"), "{envelope}");
    assert_eq!(segments(&answer, "BHS")[0].last().unwrap(), "LOT-9");
    assert_eq!(server.metric("sidep_requests_served_total{class=\"lab\",status=\"2xx\"}").await, 1.0);
    assert_eq!(server.metric("sidep_store_results_total").await, 3.0);
    // The same file again, mended: what was stored is not stored again.
    let mended: Vec<_> = (0..5).map(message).collect();
    let again = segments(&client.hand_in(HL7, &batch(&mended)).await.expect(201), "MSA");
    assert_eq!((&again[0], &again[4]), (&said[0], &said[4]));
    assert_eq!(server.metric("sidep_store_results_total").await, 5.0);
}

#[tokio::test]
async fn what_cannot_be_taken_is_rejected_and_nothing_of_it_stored() {
    let server = InProcess::start("[limits]\nbatch = 3\nbody = \"64kB\"").await;
    let mut client = server.signed_in("lab-1").await;
    let whole = batch(&[message(1), message(2)]);
    let too_many: Vec<_> = (0..4).map(message).collect();
    let cut = &whole[..whole.len() - 20];
    let bars = format!("MSH|^~\\&|{}", "|".repeat(60_000));
    let miscounted = whole.replace("BTS|2", "BTS|4000000000");
    for wrong in ["", "hello", "MSH", "MSH||||||", cut, &batch(&too_many), &miscounted, &bars] {
        let answer = client.hand_in(HL7, wrong).await.expect(400);
        let said = segments(&answer, "MSA");
        assert_eq!((said.len(), said[0][1].as_str()), (1, "AR"), "{}", answer.text());
        assert!(!segments(&answer, "ERR").is_empty());
    }
    client.hand_in(HL7, &"x".repeat(70_000)).await.expect(413);
    client.hand_in("text/plain", &message(1)).await.expect(415);
    assert_eq!(server.metric("sidep_store_results_total").await, 0.0);
    // Refused as JSON is: without a token nothing is read at all.
    server.client().await.hand_in(HL7, &message(1)).await.expect(401);
}
