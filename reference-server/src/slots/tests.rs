//! Who is let in, who is served next, and that no slot is lost; in paused time.

use proptest::prelude::*;
use tokio::time::advance;

use super::*;
use crate::config::Adaptive;

const CLASS: Class = Class::Form;

fn slots(change: impl FnOnce(&mut config::Slots)) -> Slots {
    let mut rules = config::Slots { workers: 1, queue: 10, ..config::Slots::default() };
    change(&mut rules);
    Slots::new(rules)
}

/// Occupies the only slot, lets requests of these classes come one after the other, and says in which order they are served.
async fn order(slots: &Slots, classes: &[Class]) -> Vec<usize> {
    let first = slots.enter(CLASS).unwrap().turn().await.unwrap();
    let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
    for (name, class) in classes.iter().enumerate() {
        let (place, served) = (slots.enter(*class).unwrap(), served.clone());
        tokio::spawn(async move {
            let slot = place.turn().await.unwrap();
            served.send(name).unwrap();
            slot.served();
        });
    }
    drop((first, served));
    let mut names = Vec::new();
    while let Some(name) = order.recv().await {
        names.push(name);
    }
    slots.idle().await;
    assert_eq!((slots.busy(), slots.waiting()), (0, 0));
    names
}

#[tokio::test]
async fn the_discipline_says_who_is_next() {
    let classes = [Class::Search, Class::View, Class::Validate, Class::Print, Class::Validate];
    let fifo = slots(|_| {});
    assert_eq!(order(&fifo, &classes).await, [0, 1, 2, 3, 4]);
    let lifo = slots(|rules| rules.discipline = Discipline::Lifo);
    assert_eq!(order(&lifo, &classes).await, [4, 3, 2, 1, 0]);
    // Write before certificate before re-read before search, and in the order of arrival within a class.
    let priority = slots(|rules| rules.discipline = Discipline::Priority);
    assert_eq!(order(&priority, &classes).await, [2, 4, 3, 1, 0]);
    let own = slots(|rules| {
        rules.discipline = Discipline::Priority;
        rules.priority = [(Class::Search, 0), (Class::Validate, 200)].into();
    });
    assert_eq!(order(&own, &classes).await, [0, 3, 1, 2, 4]);
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let slots = Slots::fifo(1, 2);
    let first = slots.enter(CLASS).unwrap().turn().await.unwrap();
    let (_second, _third) = (slots.enter(CLASS).unwrap(), slots.enter(CLASS).unwrap());
    assert_eq!(slots.enter(CLASS).unwrap_err(), Refused::Full);
    assert_eq!((slots.busy(), slots.waiting()), (1, 2));
    drop(first);
}

#[tokio::test]
async fn a_place_that_is_given_up_makes_room_and_loses_no_slot() {
    let slots = Slots::fifo(1, 1);
    let first = slots.enter(CLASS).unwrap().turn().await.unwrap();
    let gone = slots.enter(CLASS).unwrap();
    drop(gone);
    let waiting = slots.enter(CLASS).unwrap();
    drop(first);
    // Its turn has come, and it is given up before it looks.
    drop(waiting);
    assert_eq!((slots.busy(), slots.waiting()), (0, 0));
    assert!(matches!(slots.enter(CLASS).unwrap(), Place::Served(_)));
}

#[tokio::test(start_paused = true)]
async fn who_has_waited_too_long_is_told_so_at_its_turn_and_costs_no_slot() {
    let slots = slots(|rules| rules.longest_wait = Some(Duration::from_secs(10)));
    let first = slots.enter(CLASS).unwrap().turn().await.unwrap();
    let early = slots.enter(CLASS).unwrap();
    advance(Duration::from_secs(1)).await;
    let in_time = slots.enter(CLASS).unwrap();
    assert_eq!(slots.longest_waiting(), Duration::from_secs(1));
    advance(Duration::from_secs(10)).await;
    drop(first);
    assert_eq!(early.turn().await.unwrap_err(), Refused::Late);
    let slot = in_time.turn().await.unwrap();
    assert_eq!((slots.busy(), slots.waiting()), (1, 0));
    let waiting = slots.enter(CLASS).unwrap();
    advance(Duration::from_secs(11)).await;
    drop(slot);
    assert_eq!(waiting.turn().await.unwrap_err(), Refused::Late);
    assert_eq!((slots.busy(), slots.longest_waiting()), (0, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn the_adaptive_limit_shrinks_while_requests_are_slow_and_recovers() {
    let target = Duration::from_secs(1);
    let slots = slots(|rules| {
        rules.workers = 8;
        rules.limit = Some(Adaptive { least: 2, most: 8, target });
    });
    assert_eq!(slots.limit(), Some(8.0));
    for _ in 0..20 {
        let slot = slots.enter(CLASS).unwrap().turn().await.unwrap();
        advance(target * 2).await;
        slot.served();
    }
    assert_eq!(slots.limit(), Some(2.0));
    let held = [slots.enter(CLASS).unwrap(), slots.enter(CLASS).unwrap()];
    assert_eq!(slots.enter(CLASS).unwrap_err(), Refused::Limited);
    // A slot that was not served to the end teaches nothing.
    advance(target * 2).await;
    drop(held);
    for _ in 0..40 {
        slots.enter(CLASS).unwrap().turn().await.unwrap().served();
    }
    assert_eq!(slots.limit(), Some(8.0));
}

proptest! {
    /// Whatever comes and goes, by whatever discipline: no slot is lost, none is made, and nobody waits beside a free slot.
    #[test]
    fn slots_are_conserved(
        workers in 1..4_usize, places in 0..4_usize, steps in prop::collection::vec(0..10_usize, 1..80),
        discipline in prop::sample::select(vec![Discipline::Fifo, Discipline::Lifo, Discipline::Priority]),
    ) {
        let slots = Slots::new(config::Slots { workers, queue: places, discipline, ..config::Slots::default() });
        let mut held: Vec<Place> = Vec::new();
        for step in steps {
            if step < 6 {
                match slots.enter(Class::ALL[step * 2 + 1]) {
                    Ok(place) => held.push(place),
                    Err(refused) => {
                        prop_assert_eq!(refused, Refused::Full);
                        prop_assert_eq!(held.len(), workers + places);
                    }
                }
            } else if !held.is_empty() {
                let at = step % held.len();
                held.remove(at);
            }
            prop_assert_eq!(slots.busy(), held.len().min(workers));
            prop_assert_eq!(slots.busy() + slots.waiting(), held.len());
        }
        held.clear();
        prop_assert_eq!((slots.busy(), slots.waiting()), (0, 0));
    }
}
